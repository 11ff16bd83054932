import { DiskThread } from '../../src/core/io/transfer/disk-thread.ts'

/** One disk thread for the tests of the calling `describe`; it starts with the first job and ends after the last test. */
export function useDiskThread(): DiskThread {
  const disk = new DiskThread()
  after(() => disk.close())
  return disk
}
