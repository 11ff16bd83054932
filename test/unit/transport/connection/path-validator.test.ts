import { expect } from 'chai'
import { isSameAddress, PathValidator } from '../../../../src/core/transport/connection/path-validator.ts'
import { seededBytes, seededRandom } from '../../../helpers/random.ts'
import { ms } from '../../../helpers/time.ts'

const A = { host: '192.0.2.1', port: 1 }
const B = { host: '192.0.2.2', port: 1 }
const INTERVAL = ms(100)
const make = (): PathValidator => new PathValidator(seededBytes(seededRandom(1)))

describe('transport/connection/path-validator', () => {
  it('asks a new address and believes it when it answers', () => {
    const validator = make()
    validator.onMoved(0, A)
    const frame = validator.pollFrame(0, INTERVAL)!
    expect(frame).to.deep.include({ kind: 'challenge', to: A })
    expect(frame.token).to.have.length(8)
    expect(validator.handleResponse(frame.token)).to.deep.equal(A)
    expect(validator.handleResponse(frame.token), 'a token is good once').to.equal(undefined)
    expect(validator.pollTimeout()).to.equal(undefined)
  })

  it('believes no other token', () => {
    const validator = make()
    expect(validator.handleResponse(new Uint8Array(8))).to.equal(undefined)
    validator.onMoved(0, A)
    const { token } = validator.pollFrame(0, INTERVAL)!
    expect(validator.handleResponse(token.map((byte) => byte ^ 1))).to.equal(undefined)
    expect(validator.handleResponse(token.subarray(0, 7))).to.equal(undefined)
    expect(validator.handleResponse(token)).to.deep.equal(A)
  })

  it('asks four times, an interval apart, then gives the address up', () => {
    const validator = make()
    validator.onMoved(0, A)
    const asked: number[] = []
    for (let now = 0; now < ms(2_000); now += ms(1)) {
      if (validator.pollFrame(now, INTERVAL)) {
        asked.push(now)
        expect(validator.pollFrame(now, INTERVAL)).to.equal(undefined)
      }
      // Packets go on coming from there: that alone asks no more often.
      if (now < ms(350)) validator.onMoved(now, A)
    }
    expect(asked).to.deep.equal([0, 100, 200, 300].map(ms))
    expect(validator.pollTimeout()).to.equal(undefined)
  })

  it('follows the newest address, and forgets the one before', () => {
    const validator = make()
    validator.onMoved(0, A)
    const first = validator.pollFrame(0, INTERVAL)!
    validator.onMoved(1, B)
    const second = validator.pollFrame(1, INTERVAL)!
    expect(second.to).to.deep.equal(B)
    expect(validator.handleResponse(first.token)).to.equal(undefined)
    expect(validator.handleResponse(second.token)).to.deep.equal(B)
  })

  it('answers a challenge to where it came from, with a copy of its token, and keeps no more than four', () => {
    const validator = make()
    const token = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
    for (let i = 0; i < 50; i++) validator.handleChallenge(i % 2 === 0 ? A : B, token)
    token.fill(0)
    const answers = []
    for (let frame = validator.pollFrame(0, INTERVAL); frame; frame = validator.pollFrame(0, INTERVAL))
      answers.push(frame)
    expect(answers.map(({ kind, to }) => `${kind} ${to.host}`)).to.deep.equal(
      [A, B, A, B].map(({ host }) => `response ${host}`),
    )
    expect([...answers[0]!.token]).to.deep.equal([1, 2, 3, 4, 5, 6, 7, 8])
  })

  it('tells addresses apart by host and by port', () => {
    expect(isSameAddress(A, { ...A })).to.equal(true)
    expect(isSameAddress(A, B)).to.equal(false)
    expect(isSameAddress(A, { ...A, port: 2 })).to.equal(false)
  })
})
