import { expect } from 'chai'
import { CookieJar } from '../../../src/core/transport/cookie-jar.ts'
import { COOKIE_LENGTH } from '../../../src/core/transport/packet.ts'
import { seededBytes, seededRandom } from '../../helpers/random.ts'
import { s } from '../../helpers/time.ts'

const from = { host: '192.0.2.1', port: 4_000 }
const sourceId = Uint8Array.from({ length: 8 }, (_, i) => i)
const jar = (): CookieJar => new CookieJar(0, seededBytes(seededRandom(1)))

describe('transport/cookie-jar', () => {
  it('takes its own cookie back from the same sender', () => {
    const cookies = jar()
    const cookie = cookies.cookieFor(0, from, sourceId)
    expect(cookie.byteLength).to.equal(COOKIE_LENGTH)
    expect(cookies.isValid(s(1), from, sourceId, cookie)).to.equal(true)
  })

  it('refuses a cookie from another host, port or connection id', () => {
    const cookies = jar()
    const cookie = cookies.cookieFor(0, from, sourceId)
    expect(cookies.isValid(0, { ...from, host: '192.0.2.2' }, sourceId, cookie)).to.equal(false)
    expect(cookies.isValid(0, { ...from, port: 4_001 }, sourceId, cookie)).to.equal(false)
    expect(
      cookies.isValid(
        0,
        from,
        sourceId.map((byte) => byte + 1),
        cookie,
      ),
    ).to.equal(false)
  })

  it('refuses what it never made, of any length', () => {
    const cookies = jar()
    for (const length of [0, 1, 15, 16, 17]) {
      expect(cookies.isValid(0, from, sourceId, new Uint8Array(length))).to.equal(false)
    }
    expect(cookies.isValid(0, from, sourceId, cookies.cookieFor(0, from, sourceId).fill(0, 15))).to.equal(false)
  })

  it('refuses the cookie of another jar', () => {
    const other = new CookieJar(0, seededBytes(seededRandom(2)))
    expect(jar().isValid(0, from, sourceId, other.cookieFor(0, from, sourceId))).to.equal(false)
  })

  it('keeps a cookie good through one change of secret and not through two', () => {
    const cookies = jar()
    const cookie = cookies.cookieFor(s(119), from, sourceId)
    expect(cookies.isValid(s(121), from, sourceId, cookie)).to.equal(true)
    expect(cookies.isValid(s(239), from, sourceId, cookie)).to.equal(true)
    expect(cookies.isValid(s(242), from, sourceId, cookie)).to.equal(false)
  })

  it('does not bring an old cookie back to life after a long silence', () => {
    const cookies = jar()
    const cookie = cookies.cookieFor(0, from, sourceId)
    expect(cookies.isValid(s(3_600), from, sourceId, cookie)).to.equal(false)
    expect(cookies.isValid(s(3_601), from, sourceId, cookies.cookieFor(s(3_600), from, sourceId))).to.equal(true)
  })

  it('makes another cookie under another secret', () => {
    const cookies = jar()
    const first = cookies.cookieFor(0, from, sourceId)
    expect(Buffer.from(cookies.cookieFor(s(60), from, sourceId)).equals(first)).to.equal(true)
    expect(Buffer.from(cookies.cookieFor(s(121), from, sourceId)).equals(first)).to.equal(false)
  })
})
