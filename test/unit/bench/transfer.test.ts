import { expect } from 'chai'
import { tableOf } from '../../../bench/link/table.ts'
import { jsonOf, parseSize, pathRows, type Round } from '../../../bench/transfer/report.ts'

const round = (msg: number, link: number, peers: Record<string, number> = { scp: 100, SRT: 150 }): Round => ({
  msg,
  link,
  peers: Object.fromEntries(Object.entries(peers).map(([name, rate]) => [name, { rate, synced: rate / 2 }])),
  cpu: { sender: 2, receiver: 3 },
  memory: { sender: 100, receiver: 120 },
})
const options = { name: 'loopback', unit: 'MB/s', overPeers: 2, absent: [] } as const

describe('bench/transfer: rows of a path', () => {
  it('compares run by run: with the link alone, and with whichever peer was the fastest in that run', () => {
    const rows = pathRows([round(400, 500), round(300, 300, { scp: 100, SRT: 60 })], options)
    const samples = (what: string) => rows.find((row) => row.what === `loopback: ${what}`)?.samples
    expect(samples('msg, file to file')).to.deep.equal([400, 300])
    expect(samples('msg ÷ the link alone')).to.deep.equal([0.8, 1])
    expect(samples('msg ÷ the fastest of them')).to.deep.equal([400 / 150, 3])
    expect(samples('SRT')).to.deep.equal([150, 60])
    expect(samples('SRT, and synced')).to.deep.equal([75, 30])
    expect(samples('receiver’s CPU')).to.deep.equal([3, 3])
  })

  it('says Mbit/s where a path is slow; ratios stay what they are', () => {
    const rows = pathRows([round(10, 12.5)], { ...options, unit: 'Mbit/s' })
    expect(rows[0]).to.deep.equal({ what: 'loopback: msg, file to file', unit: 'Mbit/s', samples: [80] })
    expect(rows[2]).to.deep.include({ unit: 'ratio', samples: [0.8] })
  })

  it('keeps a row for a peer that is not there, and for the ratio when none is', () => {
    const absent = [{ name: 'scp', reason: 'sshd not found' }]
    const lines = tableOf(pathRows([round(400, 500, {})], { ...options, absent }))
    expect(lines.filter((line) => line.includes('skipped: sshd not found'))).to.have.length(1)
    expect(lines.filter((line) => line.includes('skipped: none was measured'))).to.have.length(1)
    expect(lines.join()).to.not.match(/NaN|undefined/)
  })
})

describe('bench/transfer: figures for a program', () => {
  it('have every sample, the middle one, and the verdict on that', () => {
    const rows = [
      { what: 'fast', unit: 'MB/s', samples: [3, 1, 2], target: { is: '≥', value: 2 } },
      { what: 'hungry', unit: 'MiB', samples: [9], target: { is: '≤', value: 8 } },
      { what: 'absent', unit: 'MB/s', samples: [], skipped: 'not installed' },
    ] as const
    expect(JSON.parse(jsonOf(rows, { machine: 'this one' }))).to.deep.equal({
      machine: 'this one',
      rows: [
        { what: 'fast', unit: 'MB/s', min: 1, median: 2, max: 3, samples: [3, 1, 2], target: '≥ 2', isMet: true },
        { what: 'hungry', unit: 'MiB', min: 9, median: 9, max: 9, samples: [9], target: '≤ 8', isMet: false },
        { what: 'absent', unit: 'MB/s', skipped: 'not installed' },
      ],
    })
  })
})

describe('bench/transfer: a size', () => {
  it('is a number of bytes, with a unit or without', () => {
    expect(['512MiB', '64 MB', '1000', '1GiB', '2kB'].map(parseSize)).to.deep.equal([
      536_870_912, 64_000_000, 1_000, 1_073_741_824, 2_000,
    ])
  })

  it('is nothing else', () => {
    for (const text of ['', 'MiB', '-1', '1.5GiB', '0', '5 PB', '1e9', '512mib', '99999999999999999999'])
      expect(parseSize(text), text).to.equal(undefined)
  })
})
