import { expect } from 'chai'
import fc from 'fast-check'
import { Admission } from '../../../src/core/control/admission.ts'
import { addressGroup } from '../../../src/core/wire/address.ts'

describe('control/admission', () => {
  it('bounds strangers per address, and lets in others meanwhile', () => {
    const admission = new Admission({ connections: 10, unauthenticatedPerAddress: 2 })
    expect(admission.enter('192.0.2.1')).to.equal(undefined)
    expect(admission.enter('192.0.2.1')).to.equal(undefined)
    expect(admission.enter('192.0.2.1')).to.contain('have not signed in')
    expect(admission.enter('192.0.2.2')).to.equal(undefined)
    admission.signedIn('192.0.2.1')
    expect(admission.enter('192.0.2.1')).to.equal(undefined)
    admission.signedOut('192.0.2.1')
    expect(admission.enter('192.0.2.1')).to.contain('have not signed in')
    admission.leave('192.0.2.1')
    admission.leave('192.0.2.1')
    expect(admission.enter('192.0.2.1')).to.equal(undefined)
  })

  it('bounds connections in all', () => {
    const admission = new Admission({ connections: 2, unauthenticatedPerAddress: 9 })
    admission.enter('192.0.2.1')
    admission.signedIn('192.0.2.1')
    admission.enter('192.0.2.2')
    expect(admission.open).to.equal(2)
    expect(admission.enter('192.0.2.3')).to.contain('2 connections')
    admission.leave('192.0.2.2')
    expect(admission.enter('192.0.2.3')).to.equal(undefined)
  })

  it('counts an IPv6 network of one owner as one address', () => {
    expect(addressGroup('2001:db8:1:2:3:4:5:6')).to.equal('2001:db8:1:2::/64')
    expect(addressGroup('2001:db8:1:2::9')).to.equal('2001:db8:1:2::/64')
    expect(addressGroup('2001:db8:1:3::9')).not.to.equal('2001:db8:1:2::/64')
    expect(addressGroup('192.0.2.1')).to.equal('192.0.2.1')
    expect(addressGroup('::ffff:192.0.2.1')).to.equal('::ffff:192.0.2.1')
  })

  it('ends where it began, whichever of sign-out and leaving is seen first', () => {
    const lives = fc.array(
      fc.record({ address: fc.constantFrom('a', 'b'), signs: fc.nat(2), isLeaveFirst: fc.boolean() }),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(lives, (all) => {
        const admission = new Admission({ connections: 1_000, unauthenticatedPerAddress: 1_000 })
        for (const { address, signs, isLeaveFirst } of all) {
          admission.enter(address)
          if (signs > 0) admission.signedIn(address)
          if (signs > 0 && !isLeaveFirst) admission.signedOut(address)
          admission.leave(address)
          if (signs > 0 && isLeaveFirst) admission.signedOut(address)
        }
        expect(admission.open).to.equal(0)
        for (const address of ['a', 'b'])
          for (let i = 0; i < 400; i++) expect(admission.enter(address)).to.equal(undefined)
      }),
      { numRuns: 100 },
    )
  })
})
