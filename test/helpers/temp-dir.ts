import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Gives each test of the surrounding suite an empty directory, and removes it afterwards. */
export function useTempDir(): () => string {
  let directory = ''
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'msg-test-'))
  })
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
  })
  return () => directory
}
