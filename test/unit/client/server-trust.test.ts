import { expect } from 'chai'
import { ServerTrust } from '../../../src/core/client/server-trust.ts'
import { keptSignIns, knownServers } from '../../../src/core/client/profiles.ts'
import { newDeviceKey } from '../../../src/core/client/profile/profile.ts'
import { expectCode } from '../../helpers/errors.ts'
import { useTempDir } from '../../helpers/temp-dir.ts'

describe('trust in a server', () => {
  const temp = useTempDir()
  const trust = (options: { fingerprint?: string; ca?: string } = {}): ServerTrust =>
    new ServerTrust(temp(), 'host:1', options)

  it('begins with the first use and ends with another key', () => {
    const first = trust()
    first.verify('SHA256:one')
    expect(first.isFirstUse).to.equal(true)
    const second = trust()
    second.verify('SHA256:one')
    expect(second.isFirstUse).to.equal(false)
    expectCode(() => trust().verify('SHA256:two'), 'MSG_ERR_FINGERPRINT_CHANGED')
    expect(knownServers(temp())).to.deep.equal([{ address: 'host:1', fingerprint: 'SHA256:one' }])
  })

  it('takes the fingerprint it is given, however it was copied, also in place of an old one', () => {
    trust().verify('SHA256:old')
    expectCode(() => trust({ fingerprint: 'SHA256:new' }).verify('SHA256:other'), 'MSG_ERR_FINGERPRINT_MISMATCH')
    for (const fingerprint of ['SHA256:new', 'new', ' sha256:new= ']) trust({ fingerprint }).verify('SHA256:new')
    trust().verify('SHA256:new')
  })

  it('lets a CA vouch for changing keys, and pins none of them', () => {
    trust({ ca: 'pem' }).verify('SHA256:one')
    const again = trust({ ca: 'pem' })
    again.verify('SHA256:two')
    expect(again.isFirstUse).to.equal(false)
    expect(knownServers(temp())).to.deep.equal([])
  })

  it('leads to the sign-ins that are kept', () => {
    const met = trust()
    met.verify('SHA256:one')
    met.profiles.keepDeviceKey('Bob', newDeviceKey())
    met.profiles.setLastUser('Bob')
    expect(keptSignIns('host:1', { dataDir: temp() })).to.deep.equal({
      server: 'host:1',
      fingerprint: 'SHA256:one',
      users: ['bob'],
      lastUser: 'Bob',
    })
    expect(keptSignIns('other', { dataDir: temp() }).users).to.deep.equal([])
  })
})
