import { expect } from 'chai'
import { ERRORS, MsgError, type ErrorCode } from '../../src/core/errors.ts'

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

describe('MsgError.told', () => {
  it('makes the same error again of what is told of one', () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      const known = new MsgError(code, { detail: 'what it is about' })
      const again = MsgError.told(known)
      expect([again.code, again.message], code).to.deep.equal([code, known.message])
    }
  })

  it('keeps the words of an error that this version does not know', () => {
    const { code, message } = MsgError.told({ code: 'MSG_ERR_OF_TOMORROW', message: 'rain' })
    expect([code, message.includes('rain')]).to.deep.equal(['MSG_ERR_INTERNAL', true])
  })
})
