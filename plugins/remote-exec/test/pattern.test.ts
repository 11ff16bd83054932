import { expect } from 'chai'
import fc from 'fast-check'
import { complaintOfPattern, fitsArgument, fitsArguments } from '../src/policy/pattern.ts'

describe('patterns of arguments', () => {
  const rows: Array<[pattern: string, fits: string[], fitsNot: string[]]> = [
    ['status', ['status'], ['Status', 'status ', 'statu', '']],
    ['', [''], ['x']],
    ['*.log', ['a.log', '.log'], ['a.log2', 'x/a.log', '-f.log']],
    ['--since=*', ['--since=', '--since=2 days'], ['--sinc', '--since=a/b']],
    ['/var/log/*', ['/var/log/', '/var/log/x y'], ['/var/log', '/var/log/a/b', '/var/log/..', '/var/logs/x']],
    ['/srv/**', ['/srv/', '/srv/a/b'], ['/srv/../etc/passwd', '/srv/a/..', '/srv/a/../b', '/srvx']],
    ['--to=**', ['--to=/x/y'], ['--to=../x', '--to=x/../y']],
    ['../*', ['../x'], ['../x/y', '../..']],
    ['../**', ['../x/y'], ['../../x', '../x/..']],
    ['-C**', ['-C/x', '-Cx..', '-C...'], ['-C..', '-C../x', '-C/..']],
    ['-d@**', ['-d@x'], ['-d@../x']],
    ['a\\*b', ['a*b'], ['axb', 'a\\*b']],
    ['a\\\\*', ['a\\', 'a\\x'], ['ax']],
    ['*', ['', 'x', 'ä', 'two words', '$(id)', ';rm'], ['-x', 'a/b', '--']],
    ['x*y*z', ['xyz', 'xaybz', 'xyyz'], ['xz', 'xyzz!']],
    ['[a-z]?(.)+$', ['[a-z]?(.)+$'], ['a']],
  ]
  for (const [pattern, fits, fitsNot] of rows)
    it(`${JSON.stringify(pattern)} stands for what it says, from the first character to the last`, () => {
      for (const argument of fits) expect(fitsArgument(pattern, argument), argument).to.equal(true)
      for (const argument of fitsNot) expect(fitsArgument(pattern, argument), argument).to.equal(false)
    })

  it('stand for one argument each, none is left over; ** at the end takes the rest', () => {
    expect(fitsArguments([], [])).to.equal(true)
    expect(fitsArguments([], ['x'])).to.equal(false)
    expect(fitsArguments(['log', '*'], ['log'])).to.equal(false)
    expect(fitsArguments(['log', '*'], ['log', 'x'])).to.equal(true)
    expect(fitsArguments(['log', '*'], ['log', 'x', 'y'])).to.equal(false)
    expect(fitsArguments(['log', '**'], ['log'])).to.equal(true)
    expect(fitsArguments(['log', '**'], ['log', '--output=/etc/x', '../y'])).to.equal(true)
    expect(fitsArguments(['log', '**'], [])).to.equal(false)
  })

  it('that are plain fit themselves and nothing else', () => {
    const text = fc.string({ maxLength: 20 })
    const plain = (given: string): string => given.replace(/[\\*]/gu, '\\$&')
    fc.assert(fc.property(text, (given) => fitsArgument(plain(given), given)))
    fc.assert(fc.property(text, text, (a, b) => fitsArgument(plain(a), b) === (a === b)))
  })

  it('take steps in proportion to their length, however they are made up', () => {
    const pattern = `${'*a'.repeat(8)}b`
    // Backtracking would take more than 10^30 steps.
    expect(fitsArgument(pattern, 'a'.repeat(32_000))).to.equal(false)
  })

  it('are refused when they cannot be meant', () => {
    expect(complaintOfPattern('*'.repeat(1))).to.equal(undefined)
    expect(complaintOfPattern('\\\\')).to.equal(undefined)
    expect(complaintOfPattern('x\\')).to.contain('\\')
    expect(complaintOfPattern('*a'.repeat(9))).to.contain('wildcards')
    expect(complaintOfPattern('x'.repeat(257))).to.contain('256')
  })
})
