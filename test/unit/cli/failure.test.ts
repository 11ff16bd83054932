import { expect } from 'chai'
import { failureOf } from '../../../src/cli/failure.ts'
import { ERRORS, MsgError, type ErrorCode, type ErrorSpec } from '../../../src/core/errors.ts'

describe('failureOf', () => {
  it('takes message, hint and exit status of every typed error from the table', () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      const failure = failureOf(new MsgError(code, { detail: 'x' }))
      const spec: ErrorSpec = ERRORS[code]
      expect(failure).to.include({ code, exit: spec.exit, message: spec.message.replace('%s', 'x') })
      expect(failure.hint).to.equal(spec.hint)
    }
  })

  it('makes usage errors of oclif exit with 2, without its own pointer to help', () => {
    const error = Object.assign(new Error('Nonexistent flag: --x\nSee more help with --help'), { oclif: { exit: 2 } })
    expect(failureOf(error)).to.include({
      code: 'MSG_ERR_USAGE',
      message: 'Nonexistent flag: --x',
      exit: 2,
      hint: 'see --help',
    })
  })

  it('unwraps what a flag says about its value', () => {
    const error = new MsgError('MSG_ERR_USAGE', { detail: '--port is wrong' })
    error.message = `Parsing --port \n\t${error.message}\nSee more help with --help`
    expect(failureOf(error).message).to.equal('--port is wrong')
  })

  it('makes everything else unexpected, with the way to report it', () => {
    expect(failureOf(new TypeError('boom'))).to.include({
      code: 'MSG_ERR_INTERNAL',
      message: 'unexpected failure: boom',
      exit: 1,
    })
    expect(failureOf(new TypeError('boom')).hint).to.contain('--debug')
    expect(failureOf('text').message).to.equal('unexpected failure: text')
  })

  it('keeps the stack of the original error', () => {
    const error = new TypeError('boom')
    expect(failureOf(error).stack).to.equal(error.stack)
  })

  it('knows errors of another copy of the library', () => {
    const foreign = { [Symbol.for('msg.error')]: true, code: 'MSG_ERR_SELF', message: 'm', spec: ERRORS.MSG_ERR_SELF }
    expect(failureOf(foreign)).to.include({ code: 'MSG_ERR_SELF', exit: 2 })
  })
})
