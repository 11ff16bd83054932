import { expect } from 'chai'
import { MsgError } from '../../src/core/errors.ts'

describe('MsgError.of', () => {
  it('leaves an error of the table as it is', () => {
    const known = new MsgError('MSG_ERR_LIMIT', { detail: 'x' })
    expect(MsgError.of(known)).to.equal(known)
  })

  it('makes an unexpected failure of anything else, and keeps what it came from', () => {
    for (const thrown of [new TypeError('broken'), 'text', undefined]) {
      const { code, detail, cause } = MsgError.of(thrown)
      expect([code, detail, cause]).to.deep.equal(['MSG_ERR_INTERNAL', String(thrown), thrown])
    }
  })
})
