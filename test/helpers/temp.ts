import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const made: string[] = []

/** A new empty directory; {@link removeTempDirs} deletes it. */
export function tempDir(): string {
  const path = mkdtempSync(join(tmpdir(), 'msg-test-'))
  made.push(path)
  return path
}

/** Deletes every directory made so far; call it in `after` or `afterEach`. */
export function removeTempDirs(): void {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true })
}
