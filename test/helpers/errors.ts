import { expect } from 'chai'
import { MsgError, type ErrorCode } from '../../src/core/errors.ts'

/** Runs `act` and checks that it throws a `MsgError` with `code`. */
export function expectCode(act: () => unknown, code: ErrorCode): MsgError {
  return checked(() => {
    act()
  }, code)
}

/** Waits for `promise` and checks that it rejects with `code`. */
export async function expectRejects(promise: Promise<unknown>, code: ErrorCode): Promise<MsgError> {
  let thrown: unknown
  try {
    await promise
  } catch (error) {
    thrown = error
  }
  return checked(() => {
    if (thrown !== undefined) throw thrown
  }, code)
}

function checked(act: () => void, code: ErrorCode): MsgError {
  try {
    act()
  } catch (error) {
    if (!MsgError.is(error)) throw error
    expect(error.code).to.equal(code)
    return error
  }
  throw new Error(`nothing was thrown, expected ${code}`)
}
