import { expect } from 'chai'
import { Passwords } from '../../../src/core/io/passwords.ts'

describe('io/passwords', () => {
  const passwords = new Passwords({ cost: 'minimal' })

  it('knows the password it made a verifier of, and no other', async () => {
    const verifier = await passwords.hash('correct horse')
    expect(verifier).to.match(/^\$argon2id\$/)
    expect(await passwords.verify(verifier, 'correct horse')).to.equal(true)
    expect(await passwords.verify(verifier, 'correct horsf')).to.equal(false)
  })

  it('salts: the same password gives another verifier', async () => {
    expect(await passwords.hash('a')).not.to.equal(await passwords.hash('a'))
  })

  it('takes a composed and a decomposed letter for the same', async () => {
    expect(await passwords.verify(await passwords.hash('caf\u00e9'), 'cafe\u0301')).to.equal(true)
  })

  it('looks as hard when there is no verifier, and says no', async () => {
    expect(await passwords.verify(undefined, 'anything')).to.equal(false)
  })

  it('says no to a verifier that is none', async () => {
    expect(await passwords.verify('not a verifier', 'x')).to.equal(false)
  })

  it('costs 64 MiB a guess unless a test lowers it', async () => {
    expect(await new Passwords({ cost: 'interactive' }).hash('a')).to.contain('$m=65536,t=2,p=1$')
  })

  it('refuses when too many wait, and works again after', async () => {
    const all = await Promise.allSettled(Array.from({ length: 400 }, () => passwords.hash('a')))
    const refused = all.filter((one) => one.status === 'rejected')
    expect(refused).to.have.lengthOf(400 - 258)
    expect((refused[0] as PromiseRejectedResult).reason).to.have.property('code', 'MSG_ERR_SERVER_FULL')
    expect(await passwords.hash('a')).to.be.a('string')
  })
})
