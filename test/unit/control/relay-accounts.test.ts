import { expect } from 'chai'
import { RelayAccounts } from '../../../src/core/control/relay-accounts.ts'
import { s } from '../../helpers/time.ts'

describe('control/relay-accounts', () => {
  const LIMITS = { channelRate: 1e9, userRate: 1_000, serverRate: 1e9, quota: 1_000 }
  const DAY = s(86_400)
  let accounts: RelayAccounts
  beforeEach(() => {
    accounts = new RelayAccounts(LIMITS)
  })
  /** Signs in, sends, signs out. */
  const visit = (user: string, bytes: number, now = DAY): void => {
    const account = accounts.enter(user)
    if (accounts.take(now, account, bytes, bytes) === undefined && bytes > 0) accounts.count(account, bytes)
    accounts.leave(account)
  }

  it('remember nobody who sent nothing, and who sent something until the day is over', () => {
    visit('alice', 0)
    expect(accounts.size).to.equal(0)
    visit('bob', 100)
    accounts.sweep(2 * DAY - 1, s(300))
    expect(accounts.size).to.equal(1)
    accounts.sweep(2 * DAY, s(300))
    expect(accounts.size).to.equal(0)
  })

  it('remember a bounded number of those who left, the latest', () => {
    for (let i = 0; i < 65_540; i++) visit(`u${i}`, 600)
    expect(accounts.size).to.equal(65_536)
    expect(accounts.take(DAY, accounts.enter('u65539'), 600, 0)).to.equal('quota')
    expect(accounts.take(DAY, accounts.enter('u0'), 600, 0)).to.equal(undefined)
  })

  it('are as fast as before after signing out and in again, until they were idle', () => {
    visit('alice', 900)
    expect(accounts.take(DAY, accounts.enter('alice'), 100, 900)).to.equal('user-rate')
  })
})
