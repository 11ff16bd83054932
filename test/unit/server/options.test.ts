import { join } from 'node:path'
import { expect } from 'chai'
import { defaultDataDir } from '../../../src/core/io/paths.ts'
import { DEFAULT_LIMITS, directoryLimits, resolveLimits } from '../../../src/core/server/limits.ts'
import { resolveOptions } from '../../../src/core/server/options.ts'
import { expectCode } from '../../helpers/errors.ts'

describe('server/options', () => {
  it('fills in every default, frozen', () => {
    const options = resolveOptions({ dataDir: '/data' })
    expect(options).to.deep.include({
      dataDir: '/data',
      host: '::',
      port: 7788,
      udpPort: undefined,
      probePort: 0,
      passwordCost: 'interactive',
      certificate: undefined,
    })
    expect(options.name).to.be.a('string').with.length.above(0)
    expect(Object.isFrozen(options)).to.equal(true)
    expect(options.limits).to.deep.equal(DEFAULT_LIMITS)
  })

  it('takes 0 for any port, and shortens a name that hello could not carry', () => {
    const options = resolveOptions({ dataDir: 'd', port: 0, udpPort: 0, probePort: 7, name: '𝔘'.repeat(99) })
    expect([options.port, options.udpPort, options.probePort]).to.deep.equal([0, 0, 7])
    expect(options.name).to.have.lengthOf(64)
    expect(resolveOptions({ dataDir: 'd', name: '' }).name).to.equal('msg')
  })

  it('refuses half a certificate and ports that are none', () => {
    for (const options of [
      { cert: 'c' },
      { key: 'k' },
      { port: -1 },
      { port: 65_536 },
      { udpPort: 0.5 },
      { probePort: -1 },
      { port: Number.NaN },
    ]) {
      expectCode(() => resolveOptions({ dataDir: 'd', ...options }), 'MSG_ERR_CONFIG_INVALID')
    }
  })
})

describe('server/limits', () => {
  it('replaces what is given and keeps the rest', () => {
    expect(resolveLimits({ ringMs: 5 })).to.deep.equal({ ...DEFAULT_LIMITS, ringMs: 5 })
    for (const value of [0, -1, Number.NaN, Infinity])
      expectCode(() => resolveLimits({ connections: value }), 'MSG_ERR_CONFIG_INVALID')
  })

  it('gives the directory its times in microseconds', () => {
    expect(directoryLimits(DEFAULT_LIMITS)).to.deep.include({
      ring: 60_000_000,
      vanished: 86_400_000_000,
      roomsPerUser: DEFAULT_LIMITS.roomsPerUser,
    })
  })
})

describe('io/paths', () => {
  it('prefers MSG_DATA_DIR, then the XDG directory, then the home directory', () => {
    expect(defaultDataDir({ MSG_DATA_DIR: '/m', XDG_DATA_HOME: '/x' })).to.equal('/m')
    expect(defaultDataDir({ XDG_DATA_HOME: '/x' })).to.equal(join('/x', 'msg'))
    if (process.platform !== 'win32') expect(defaultDataDir({})).to.match(/\.local\/share\/msg$/)
  })
})
