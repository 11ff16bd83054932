import { expect } from 'chai'
import { nearest } from '../../../../src/cli/lines/nearest.ts'

const names = ['users', 'rooms', 'send', 'status', 'register']

describe('nearest', () => {
  it('finds a word with one letter wrong, missing, too many or swapped', () => {
    expect(nearest('uzers', names)).to.equal('users')
    expect(nearest('usrs', names)).to.equal('users')
    expect(nearest('userss', names)).to.equal('users')
    expect(nearest('usesr', names)).to.equal('users')
  })

  it('allows more mistakes in longer words', () => {
    expect(nearest('regsitre', names)).to.equal('register')
  })

  it('finds nothing when too much differs', () => {
    expect(nearest('hello', names)).to.equal(undefined)
    expect(nearest('xy', names)).to.equal(undefined)
  })

  it('ignores case', () => {
    expect(nearest('SEND', names)).to.equal('send')
  })

  it('takes the first of equally near ones', () => {
    expect(nearest('bat', ['bar', 'baz'])).to.equal('bar')
  })

  it('stays quick for absurdly long words', () => {
    expect(nearest('s'.repeat(1_000_000), names)).to.equal(undefined)
  })

  it('finds nothing among nothing', () => {
    expect(nearest('send', [])).to.equal(undefined)
  })
})
