import { expect } from 'chai'
import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import {
  dataDirOf,
  makePrivateDir,
  readPrivateFile,
  writePrivateFile,
} from '../../../../src/core/client/profile/data-dir.ts'
import { KnownServers } from '../../../../src/core/client/profile/known-servers.ts'
import { newDeviceKey, ServerProfiles } from '../../../../src/core/client/profile/profile.ts'
import { MsgError } from '../../../../src/core/errors.ts'
import { useTempDir } from '../../../helpers/temp-dir.ts'

const mode = (path: string): string => (statSync(path).mode & 0o777).toString(8)
const code = (act: () => unknown): string | undefined => {
  try {
    act()
  } catch (error) {
    return MsgError.is(error) ? error.code : String(error)
  }
  return undefined
}

describe('the data directory', () => {
  const temp = useTempDir()

  it('is the option, then MSG_DATA_DIR, then XDG, then the home directory', () => {
    const env = { MSG_DATA_DIR: '/a', XDG_DATA_HOME: '/b' }
    expect(dataDirOf('/c', env)).to.equal('/c')
    expect(dataDirOf(undefined, env)).to.equal('/a')
    expect(dataDirOf(undefined, { XDG_DATA_HOME: '/b' })).to.equal('/b/msg')
    expect(dataDirOf(undefined, {})).to.equal(join(homedir(), '.local/share/msg'))
  })

  it('is closed to others, and so are its files', () => {
    const dir = join(temp(), 'x', 'y')
    writePrivateFile(join(dir, 'f'), 'one')
    writePrivateFile(join(dir, 'f'), 'two')
    expect([mode(dir), mode(join(dir, 'f'))]).to.deep.equal(['700', '600'])
    expect(readPrivateFile(join(dir, 'f'))?.toString()).to.equal('two')
    expect(readdirSync(dir)).to.deep.equal(['f'])
    chmodSync(dir, 0o755)
    makePrivateDir(dir)
    expect(mode(dir)).to.equal('700')
  })

  it('says which path cannot be used', () => {
    writeFileSync(join(temp(), 'file'), '')
    expect(code(() => makePrivateDir(join(temp(), 'file', 'sub')))).to.equal('MSG_ERR_DIRECTORY_ACCESS')
    mkdirSync(join(temp(), 'dir'))
    expect(code(() => readPrivateFile(join(temp(), 'dir')))).to.equal('MSG_ERR_DIRECTORY_ACCESS')
  })
})

describe('known servers', () => {
  const temp = useTempDir()

  it('are kept by address', () => {
    const known = new KnownServers(temp())
    expect(known.fingerprintOf('h:1')).to.equal(undefined)
    known.pin('h:1', 'SHA256:a')
    known.pin('h:2', 'SHA256:b')
    known.pin('h:1', 'SHA256:c')
    expect(new KnownServers(temp()).entries()).to.deep.equal([
      { address: 'h:1', fingerprint: 'SHA256:c' },
      { address: 'h:2', fingerprint: 'SHA256:b' },
    ])
  })

  it('do not trust a damaged file', () => {
    for (const content of ['', '{', '[]', '{"version":1,"servers":{"a":1}}']) {
      writeFileSync(join(temp(), 'known-servers.json'), content)
      expect(code(() => new KnownServers(temp()).fingerprintOf('a'))).to.equal('MSG_ERR_STORE_CORRUPT')
    }
  })
})

describe('profiles of a server', () => {
  const temp = useTempDir()
  const profiles = (): ServerProfiles => new ServerProfiles(temp(), 'SHA256:ab/cd+ef')

  it('keep a device key for each user, whatever the letter case', () => {
    const key = newDeviceKey()
    expect(profiles().deviceKey('Alice')).to.equal(undefined)
    profiles().keepDeviceKey('Alice', key)
    expect(profiles().deviceKey('aLICE')?.publicKey).to.deep.equal(key.publicKey)
    expect(profiles().users()).to.deep.equal(['alice'])
    expect(new ServerProfiles(temp(), 'SHA256:other').users()).to.deep.equal([])
  })

  it('know who signed in last, as long as the key is there', () => {
    profiles().setLastUser('Alice')
    expect(profiles().lastUser()).to.equal(undefined)
    profiles().keepDeviceKey('alice', newDeviceKey())
    expect(profiles().lastUser()).to.equal('Alice')
  })

  it('refuse a damaged key and a name that is none', () => {
    writePrivateFile(join(profiles().dirOf('bob'), 'device.key'), 'short')
    expect(code(() => profiles().deviceKey('bob'))).to.equal('MSG_ERR_STORE_CORRUPT')
    expect(code(() => profiles().dirOf('../../etc'))).to.equal('MSG_ERR_NAME_INVALID')
    expect(existsSync(profiles().dirOf('..a'))).to.equal(false)
  })
})
