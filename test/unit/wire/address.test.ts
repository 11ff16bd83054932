import { expect } from 'chai'
import {
  formatAddress,
  formatIp,
  isLoopback,
  isPrivate,
  normalizeHost,
  parseAddress,
  parseIp,
} from '../../../src/core/wire/address.ts'
import { expectCode } from '../../helpers/errors.ts'

describe('wire/address', () => {
  it('reads every way to write an address', () => {
    expect(parseAddress('chat.example.org')).to.deep.equal({ host: 'chat.example.org', port: 7788 })
    expect(parseAddress('localhost:1')).to.deep.equal({ host: 'localhost', port: 1 })
    expect(parseAddress('10.0.0.1:65535')).to.deep.equal({ host: '10.0.0.1', port: 65_535 })
    expect(parseAddress('[::1]:80')).to.deep.equal({ host: '::1', port: 80 })
    expect(parseAddress('[fe80::1%eth0]')).to.deep.equal({ host: 'fe80::1%eth0', port: 7788 })
    expect(parseAddress('2001:db8::7')).to.deep.equal({ host: '2001:db8::7', port: 7788 })
    expect(parseAddress('a', 9)).to.deep.equal({ host: 'a', port: 9 })
    expect(parseAddress('bücher.example:7')).to.deep.equal({ host: 'bücher.example', port: 7 })
    expect(parseAddress('[::ffff:10.1.2.3]:5')).to.deep.equal({ host: '::ffff:10.1.2.3', port: 5 })
  })

  it('refuses everything else with a usage error', () => {
    const bad = [
      '',
      ':80',
      'a:',
      'a:0',
      'a:65536',
      'a:99999',
      'a:x',
      'a b',
      'a/b',
      'http://a',
      '[::1',
      '::1]:80',
      '[a]:80',
      '[10.0.0.1]:80',
      '-a',
      'a\n',
      '1:2:3',
    ]
    for (const text of bad) expectCode(() => parseAddress(text), 'MSG_ERR_USAGE')
  })

  it('writes what it reads', () => {
    for (const text of ['a:1', '10.0.0.1:7788', '[::1]:80']) expect(formatAddress(parseAddress(text))).to.equal(text)
  })

  it('reads IPv4 literals strictly', () => {
    expect(parseIp('1.2.3.255')).to.deep.equal(Uint8Array.of(1, 2, 3, 255))
    for (const text of ['1.2.3', '1.2.3.4.5', '1.2.3.256', '01.2.3.4', '1.2.3.', '0x1.2.3.4', ' 1.2.3.4', '1.2.3.-4']) {
      expect(parseIp(text), text).to.equal(undefined)
    }
  })

  it('reads IPv6 literals and writes them as RFC 5952 does', () => {
    const cases = [
      ['::', '::'],
      ['::1', '::1'],
      ['1::', '1::'],
      ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
      ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
      ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
      ['64:ff9b::1.2.3.4', '64:ff9b::102:304'],
      ['fe80::1%eth0', 'fe80::1'],
    ] as const
    for (const [text, written] of cases) expect(normalizeHost(text), text).to.equal(written)
    for (const text of [
      ':',
      ':::',
      '1::2::3',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '12345::',
      'g::',
      '::1.2.3',
      '1:2:3:4:5:6:7::8',
      '1.2.3.4::',
      ':1:2:3:4:5:6:7',
    ]) {
      expect(parseIp(text), text).to.equal(undefined)
    }
  })

  it('gives an IPv4-mapped address its IPv4 spelling', () => {
    expect(normalizeHost('::ffff:127.0.0.1')).to.equal('127.0.0.1')
    expect(normalizeHost('::FFFF:7f00:1')).to.equal('127.0.0.1')
    expect(normalizeHost('::fffe:127.0.0.1')).to.equal('::fffe:7f00:1')
    expect(normalizeHost('host.example')).to.equal('host.example')
  })

  it('knows loopback', () => {
    for (const host of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])
      expect(isLoopback(host), host).to.equal(true)
    for (const host of ['128.0.0.1', '::', '::2', '1::1', 'localhost']) expect(isLoopback(host), host).to.equal(false)
  })

  it('knows private addresses', () => {
    const near = [
      '10.0.0.1',
      '172.16.0.1',
      '172.31.255.1',
      '192.168.1.1',
      '169.254.1.1',
      '100.64.0.1',
      '100.127.0.1',
      'fc00::1',
      'fdff::1',
      'fe80::1',
      '::ffff:10.0.0.1',
    ]
    const far = [
      '11.0.0.1',
      '172.15.0.1',
      '172.32.0.1',
      '192.169.0.1',
      '169.253.0.1',
      '100.63.0.1',
      '100.128.0.1',
      'fe00::1',
      'fec0::1',
      '2001:db8::1',
      '127.0.0.1',
      'x',
    ]
    for (const host of near) expect(isPrivate(host), host).to.equal(true)
    for (const host of far) expect(isPrivate(host), host).to.equal(false)
  })

  it('writes bytes', () => {
    expect(formatIp(Uint8Array.of(1, 2, 3, 4))).to.equal('1.2.3.4')
    expect(formatIp(new Uint8Array(16))).to.equal('::')
  })
})
