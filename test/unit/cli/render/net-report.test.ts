import { expect } from 'chai'
import { netReportLines } from '../../../../src/cli/render/net-report.ts'
import { palette } from '../../../../src/cli/render/palette.ts'
import { wrapped } from '../../../../src/cli/render/wrap.ts'
import type { NetReport } from '../../../../src/core/index.ts'

const REPORT: NetReport = {
  server: 'x:1',
  user: null,
  verdict: 'fail',
  summary: 'UDP is blocked, and this server relays nothing.',
  seconds: 1,
  checks: [
    { id: 'udp-socket', title: 'UDP socket', status: 'ok', measured: 'opens', meaning: '', advice: null, facts: {} },
    {
      id: 'udp',
      title: 'UDP to the server',
      status: 'fail',
      measured: 'nothing comes \u001b[2Jback',
      meaning: 'No UDP gets through.',
      advice: 'Let UDP to 203.0.113.2 port 7788 out, and its answers in.',
      facts: {},
    },
  ],
}

describe('the report of the network', () => {
  it('has a row for each check, what it means and what to do below, and comes to an end', () => {
    expect(netReportLines(REPORT, palette(false))).to.deep.equal([
      'ok   UDP socket: opens',
      'FAIL UDP to the server: nothing comes \\u001b[2Jback',
      '     No UDP gets through.',
      '  -> Let UDP to 203.0.113.2 port 7788 out, and its answers in.',
      '',
      'UDP is blocked, and this server relays nothing.',
      '1 ok, 1 failed.',
    ])
  })

  it('is no wider than a narrow terminal', () => {
    const lines = netReportLines(REPORT, palette(false), 40)
    for (const line of lines) expect(line.length, line).to.be.at.most(40)
    expect(lines.join('\n')).to.contain('  -> Let UDP to 203.0.113.2 port 7788\n     out, and its answers in.')
  })
})

describe('text that is broken into lines', () => {
  it('keeps words whole, and counts what stands before', () => {
    expect(wrapped('one two three', 9, { first: '- ', indent: '  ' })).to.deep.equal(['- one two', '  three'])
    expect(wrapped('abcdefghij k', 4)).to.deep.equal(['abcdefghij', 'k'])
    expect(wrapped('one two', Infinity)).to.deep.equal(['one two'])
    expect(wrapped('', 4, { first: '> ' })).to.deep.equal(['> '])
  })
})
