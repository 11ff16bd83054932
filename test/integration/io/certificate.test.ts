import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { expect } from 'chai'
import { loadCertificate } from '../../../src/core/io/certificate.ts'
import { makeDirectory, writeFileAtomically } from '../../../src/core/io/files.ts'
import { expectCode, expectRejects } from '../../helpers/errors.ts'
import { removeTempDirs, tempDir } from '../../helpers/temp.ts'

describe('io/certificate', () => {
  afterEach(removeTempDirs)

  it('makes one that TLS takes, once', async () => {
    const dataDir = tempDir()
    const made = await loadCertificate(dataDir)
    createSecureContext({ cert: made.cert, key: made.key })
    expect(await loadCertificate(dataDir)).to.deep.equal(made)
    expect((await loadCertificate(tempDir())).fingerprint).not.to.equal(made.fingerprint)
  })

  it('does not make another when the one there is damaged', async () => {
    const dataDir = tempDir()
    await loadCertificate(dataDir)
    writeFileSync(join(dataDir, 'server-key.pem'), 'damaged')
    await expectRejects(loadCertificate(dataDir), 'MSG_ERR_CONFIG_INVALID')
    expect(readFileSync(join(dataDir, 'server-key.pem'), 'utf8')).to.equal('damaged')
  })

  it('does not make another in place of a key that was lost', async () => {
    const dataDir = tempDir()
    await loadCertificate(dataDir)
    rmSync(join(dataDir, 'server-key.pem'))
    await expectRejects(loadCertificate(dataDir), 'MSG_ERR_CONFIG_INVALID')
  })

  it('refuses a key that belongs to another certificate', async () => {
    const [one, two] = [tempDir(), tempDir()]
    await loadCertificate(one)
    await loadCertificate(two)
    const error = await expectRejects(
      loadCertificate(one, { cert: join(one, 'server-cert.pem'), key: join(two, 'server-key.pem') }),
      'MSG_ERR_CONFIG_INVALID',
    )
    expect(error.detail).to.contain('another certificate')
  })
})

describe('io/files', () => {
  afterEach(removeTempDirs)

  it('writes for its owner alone, over what was there, and leaves nothing beside it', () => {
    const directory = join(tempDir(), 'a', 'b')
    makeDirectory(directory)
    makeDirectory(directory)
    expect(statSync(directory).mode & 0o777).to.equal(0o700)
    const path = join(directory, 'file')
    writeFileAtomically(path, 'one')
    writeFileAtomically(path, 'two')
    expect(readFileSync(path, 'utf8')).to.equal('two')
    expect(statSync(path).mode & 0o777).to.equal(0o600)
    expect(readdirSync(directory)).to.deep.equal(['file'])
  })

  it('says what it cannot write', () => {
    const path = join(tempDir(), 'missing', 'file')
    expectCode(() => writeFileAtomically(path, 'x'), 'MSG_ERR_DIRECTORY_ACCESS')
    expect(existsSync(path)).to.equal(false)
    const file = join(tempDir(), 'file')
    writeFileSync(file, '')
    expectCode(() => makeDirectory(join(file, 'a')), 'MSG_ERR_DIRECTORY_ACCESS')
  })
})
