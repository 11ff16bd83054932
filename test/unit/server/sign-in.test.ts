import { expect } from 'chai'
import { newInstance, proveDevice, type DeviceProof } from '../../../src/core/control/device-proof.ts'
import { deviceKey } from '../../../src/core/crypto/device-key.ts'
import { MsgError } from '../../../src/core/errors.ts'
import type { Passwords } from '../../../src/core/io/passwords.ts'
import { SignInDesk } from '../../../src/core/server/sign-in.ts'
import { FailingStore } from '../../helpers/failing-store.ts'
import { expectCode, expectRejects } from '../../helpers/errors.ts'
import { turn } from '../../helpers/fake-socket.ts'

describe('server/sign-in', () => {
  const key = deviceKey(Buffer.alloc(32, 1))
  const device = Buffer.from(key.publicKey).toString('base64url')
  const EXPORTER = Buffer.alloc(32, 9)
  let store: FailingStore
  let desk: SignInDesk
  /** Verifiers that were looked at, in order. */
  let verified: Array<string | undefined>
  /** Set: checks wait until it resolves. */
  let gate: Promise<void> | undefined

  beforeEach(() => {
    store = new FailingStore()
    verified = []
    gate = undefined
    const passwords: Pick<Passwords, 'hash' | 'verify'> = {
      hash: async (password) => {
        await gate
        return `hash of ${password}`
      },
      verify: async (verifier, password) => {
        verified.push(verifier)
        await gate
        return verifier === `hash of ${password}`
      },
    }
    desk = new SignInDesk(store, passwords as Passwords)
  })

  const from = (address = '192.0.2.1') => ({ address, exporter: EXPORTER })
  const signedBy = (user: string, by = key) => ({
    user,
    listening: true,
    ...proveDevice(by, EXPORTER, user, newInstance(by.publicKey)),
  })
  const admit = async (): Promise<void> => {}
  const register = (user: string, password = 'secret') => desk.register({ ...signedBy(user), password }, from(), admit)
  const login = (user: string, password = 'secret', address = '192.0.2.1') =>
    desk.login({ ...signedBy(user), password }, from(address))
  const loginDevice = (user: string, over: Partial<DeviceProof> = {}) =>
    desk.loginDevice({ ...signedBy(user), ...over }, from())

  describe('registering', () => {
    it('makes an account under the canonical name, and remembers the device', async () => {
      const account = await register('Alice')
      expect(account).to.deep.include({ user: 'alice', name: 'Alice', virtualAddress: '100.64.0.1' })
      expect(store.account('alice')?.verifier).to.equal('hash of secret')
      expect(store.hasDevice('alice', device)).to.equal(true)
    })

    it('refuses a taken name in any spelling, before it costs a hash', async () => {
      await register('Alice')
      gate = new Promise(() => {})
      await expectRejects(register('ALICE'), 'MSG_ERR_NAME_TAKEN')
    })

    it('makes no account for whom it is told not to let in', async () => {
      const deny = async (name: string): Promise<void> => {
        throw new MsgError('MSG_ERR_SIGN_IN_DENIED', { detail: name })
      }
      const attempt = desk.register({ ...signedBy('Alice'), password: 'secret' }, from(), deny)
      await expectRejects(attempt, 'MSG_ERR_SIGN_IN_DENIED')
      expect(store.size).to.equal(0)
    })

    it('refuses what is no name', async () => {
      for (const name of ['', 'a b', '10.0.0.1', '...', 'a\u0000'])
        await expectRejects(register(name), 'MSG_ERR_NAME_INVALID')
      expect(store.size).to.equal(0)
    })

    it('gives a name to one of two who ask at once', async () => {
      const answers = await Promise.allSettled([register('alice', 'one'), register('ALICE', 'two')])
      expect(answers.map(({ status }) => status)).to.deep.equal(['fulfilled', 'rejected'])
      expect(store.account('alice')?.verifier).to.equal('hash of one')
    })

    it('makes no account at all when its device cannot be remembered with it', async () => {
      store.putDevice = () => {
        throw new MsgError('MSG_ERR_STORAGE_FAILED', { detail: 'full' })
      }
      store.writing = 'SQLITE_FULL'
      await expectRejects(register('alice'), 'MSG_ERR_STORAGE_FAILED')
      expect(store.size).to.equal(0)
    })

    it('works under the same name once there is room', async () => {
      store.writing = 'SQLITE_FULL'
      await expectRejects(register('alice'), 'MSG_ERR_STORAGE_FAILED')
      store.writing = undefined
      expect((await register('alice')).virtualAddress).to.equal('100.64.0.1')
    })
  })

  describe('signing in with the password', () => {
    beforeEach(() => register('Alice'))

    it('takes any spelling of the name', async () => {
      for (const name of ['alice', 'ALICE', 'Ａｌｉｃｅ']) expect((await login(name)).name).to.equal('Alice')
    })

    it('looks as hard at nobody, and at what is no name, as at somebody', async () => {
      for (const name of ['nobody', 'no body']) await expectRejects(login(name), 'MSG_ERR_SIGN_IN_FAILED')
      expect(verified).to.deep.equal([undefined, undefined])
    })

    it('says no without looking after five wrong guesses, and forgets them after a right one', async () => {
      for (let i = 0; i < 4; i++) await expectRejects(login('alice', 'wrong'), 'MSG_ERR_SIGN_IN_FAILED')
      await login('alice')
      for (let i = 0; i < 5; i++) await expectRejects(login('alice', 'wrong'), 'MSG_ERR_SIGN_IN_FAILED')
      verified.length = 0
      const error = await expectRejects(login('alice'), 'MSG_ERR_SIGN_IN_DELAYED')
      expect(error.detail).to.equal('try again in 1 second')
      expect(verified).to.deep.equal([])
    })

    it('counts every spelling of a name as one account', async () => {
      for (const name of ['alice', 'ALICE', 'Alice', 'aLiCe', 'Ａlice'])
        await expectRejects(login(name, 'wrong'), 'MSG_ERR_SIGN_IN_FAILED')
      await expectRejects(login('alice'), 'MSG_ERR_SIGN_IN_DELAYED')
    })

    it('makes an address wait that guesses at many accounts, and nobody else', async () => {
      for (let i = 0; i < 20; i++) await expectRejects(login(`user${i}`, 'wrong'), 'MSG_ERR_SIGN_IN_FAILED')
      await expectRejects(login('alice'), 'MSG_ERR_SIGN_IN_DELAYED')
      expect((await login('alice', 'secret', '192.0.2.2')).user).to.equal('alice')
    })

    it('counts one IPv6 network as one address', async () => {
      for (let i = 0; i < 20; i++)
        await expectRejects(login(`user${i}`, 'wrong', `2001:db8::${i + 1}`), 'MSG_ERR_SIGN_IN_FAILED')
      await expectRejects(login('alice', 'secret', '2001:db8::ffff'), 'MSG_ERR_SIGN_IN_DELAYED')
      await login('alice', 'secret', '2001:db8:0:1::1')
    })

    it('lets attempts for one account take turns, and others go past', async () => {
      await register('bob')
      let open!: () => void
      gate = new Promise((resolve) => (open = resolve))
      const attempts = [login('alice'), login('alice', 'wrong').catch(() => undefined), login('bob')]
      await turn()
      expect(verified).to.have.lengthOf(2)
      open()
      await Promise.all(attempts)
      expect(verified).to.have.lengthOf(3)
    })

    it('goes on after an attempt that broke', async () => {
      store.reading = 'SQLITE_IOERR_READ'
      const broken = login('alice')
      const next = login('alice')
      await expectRejects(broken, 'MSG_ERR_STORAGE_FAILED')
      await expectRejects(next, 'MSG_ERR_STORAGE_FAILED')
      store.reading = undefined
      expect((await login('alice')).user).to.equal('alice')
    })

    it('lets a device in that it knows, and no new one, while nothing can be saved', async () => {
      store.writing = 'SQLITE_FULL'
      expect((await login('alice')).user).to.equal('alice')
      const other = deviceKey(Buffer.alloc(32, 2))
      const attempt = desk.login({ ...signedBy('alice', other), password: 'secret' }, from())
      await expectRejects(attempt, 'MSG_ERR_STORAGE_FAILED')
      store.writing = undefined
      expect(store.hasDevice('alice', Buffer.from(other.publicKey).toString('base64url'))).to.equal(false)
    })

    it('does not count it as a guess when nothing can be saved', async () => {
      const other = deviceKey(Buffer.alloc(32, 2))
      store.writing = 'SQLITE_FULL'
      for (let i = 0; i < 9; i++) {
        const attempt = desk.login({ ...signedBy('alice', other), password: 'secret' }, from())
        await expectRejects(attempt, 'MSG_ERR_STORAGE_FAILED')
      }
      expect((await login('alice')).user).to.equal('alice')
    })
  })

  describe('the device that a password is typed on', () => {
    const mallory = deviceKey(Buffer.alloc(32, 4))
    const mine = (user: string) => proveDevice(mallory, EXPORTER, user, newInstance(mallory.publicKey))
    const lies: Record<string, (user: string) => DeviceProof> = {
      'is somebody else’s': (user) => ({ ...mine(user), device }),
      'is of another sign-in': (user) =>
        proveDevice(mallory, Buffer.alloc(32, 8), user, newInstance(mallory.publicKey)),
      'is another user’s': () => mine('somebody'),
      'has an instance of another device': (user) => proveDevice(mallory, EXPORTER, user, newInstance(key.publicKey)),
    }
    for (const [what, lie] of Object.entries(lies))
      it(`is refused when it ${what}: nothing is made, nothing remembered, nothing guessed`, async () => {
        await register('alice')
        const attempt = { listening: true, password: 'secret' }
        const ask = (): Promise<void> => expect.fail('nobody is asked about it')
        await expectRejects(desk.register({ ...attempt, user: 'bob', ...lie('bob') }, from(), ask), 'MSG_ERR_PROTOCOL')
        await expectRejects(desk.login({ ...attempt, user: 'alice', ...lie('alice') }, from()), 'MSG_ERR_PROTOCOL')
        expect(store.size).to.equal(1)
        expect(verified).to.deep.equal([])
        expect(store.hasDevice('alice', mine('').device)).to.equal(false)
      })
  })

  describe('signing in with the device key', () => {
    beforeEach(() => register('Alice'))

    it('takes the signature of a known device, and notes that it was used', () => {
      const noted: number[] = []
      store.putDevice = (_user, _device, at) => void noted.push(at)
      expect(loginDevice('alice').name).to.equal('Alice')
      expect(noted).to.have.lengthOf(1)
    })

    it('refuses all else with one answer', () => {
      const stranger = deviceKey(Buffer.alloc(32, 3))
      const bad: Array<() => unknown> = [
        () => loginDevice('nobody'),
        () => loginDevice('no body'),
        () => loginDevice('alice', signedBy('bob')),
        () => loginDevice('alice', proveDevice(key, Buffer.alloc(32, 8), 'alice', newInstance(key.publicKey))),
        () => loginDevice('alice', { instance: newInstance(key.publicKey) }),
        () => loginDevice('alice', { signature: Buffer.alloc(64).toString('base64url') }),
        () => loginDevice('alice', { signature: 'short' }),
        () => loginDevice('alice', proveDevice(stranger, EXPORTER, 'alice', newInstance(stranger.publicKey))),
        () => loginDevice('alice', { device: 'short' }),
      ]
      for (const act of bad) expectCode(act, 'MSG_ERR_DEVICE_UNKNOWN')
    })

    it('lets it in while nothing can be saved', () => {
      store.writing = 'SQLITE_FULL'
      expect(loginDevice('alice').user).to.equal('alice')
    })

    it('is not slowed by wrong passwords', async () => {
      for (let i = 0; i < 6; i++) await login('alice', 'wrong').catch(() => undefined)
      expect(loginDevice('alice').user).to.equal('alice')
    })
  })
})
