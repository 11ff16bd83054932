import { MsgError } from '../../src/core/errors.ts'
import { MemoryStore } from '../../src/core/store/memory.ts'
import type { Store } from '../../src/core/store/store.ts'

/** A store whose disk is full, or broken, whenever the test says so. */
export class FailingStore extends MemoryStore {
  /** What writing meets. */
  writing: 'SQLITE_FULL' | 'SQLITE_IOERR_WRITE' | undefined
  /** What reading meets. */
  reading: 'SQLITE_IOERR_READ' | undefined

  override account(user: string): ReturnType<Store['account']> {
    this.#meet(this.reading)
    return super.account(user)
  }

  override createAccount(account: Parameters<Store['createAccount']>[0]): ReturnType<Store['createAccount']> {
    this.#meet(this.writing)
    return super.createAccount(account)
  }

  override replaceVerifier(user: string, expected: string, verifier: string): boolean {
    this.#meet(this.writing)
    return super.replaceVerifier(user, expected, verifier)
  }

  override putDevice(user: string, device: string, at: number): void {
    this.#meet(this.writing)
    super.putDevice(user, device, at)
  }

  override apply(writes: Parameters<Store['apply']>[0]): void {
    this.#meet(this.writing)
    super.apply(writes)
  }

  #meet(code: string | undefined): void {
    if (code === undefined) return
    const cause = Object.assign(new Error('database or disk is full'), { code })
    throw new MsgError('MSG_ERR_STORAGE_FAILED', { detail: '/secret/server.db: database or disk is full', cause })
  }
}
