import { expect } from 'chai'
import { jsonLine } from '../../../src/cli/json-line.ts'

describe('a line of JSON', () => {
  it('holds nothing that a terminal acts on, and is the same once it is read', () => {
    const given = { text: 'a\u009b2J\u007f\u0085\u202eb\u2066c\u2028\ufeff\u001b[2J', name: 'ü 日本 👩\u200d💻' }
    const line = jsonLine(given)
    expect(line).to.match(/^[^\p{Cc}\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]*\n$/u)
    expect(line).to.contain('ü 日本 👩\u200d💻')
    expect(JSON.parse(line)).to.deep.equal(given)
  })
})
