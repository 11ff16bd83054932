import { expect } from 'chai'
import { MessageIds } from '../../../src/core/client/message-id.ts'

describe('message ids', () => {
  it('are 16 bytes in hex, unique, and sort by time', () => {
    const ids = new MessageIds()
    const made = Array.from({ length: 3_000 }, (_, i) => ids.next(1_700_000_000_000 + Math.floor(i / 1_500)))
    expect(new Set(made).size).to.equal(3_000)
    for (const id of made) expect(id).to.match(/^[0-9a-f]{32}$/)
    expect(made[0]! < made[2_999]!).to.equal(true)
    expect(made[0]!.slice(0, 12)).to.equal((1_700_000_000_000).toString(16).padStart(12, '0'))
  })
})
