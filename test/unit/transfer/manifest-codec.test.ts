import { expect } from 'chai'
import { decodeManifest, encodeManifest } from '../../../src/core/transfer/manifest-codec.ts'
import { MAX_MTIME, MAX_NAME, MAX_PATH, type Manifest } from '../../../src/core/transfer/manifest.ts'
import { expectCode } from '../../helpers/errors.ts'
import { fileEntry, fileManifest, folderEntry } from '../../helpers/transfers.ts'

const MIB = 1_048_576
const folder: Manifest = {
  name: 'снимки',
  kind: 'folder',
  entries: [
    folderEntry('b'),
    fileEntry(7, 'b/ä 👋.txt', { mode: 0o777, mtime: MAX_MTIME }),
    fileEntry(0, 'b/empty', { mode: 0 }),
  ],
  size: 7,
  blockSize: MIB,
}
const stream: Manifest = { name: 'stdin', kind: 'stream', entries: [fileEntry(0, 'stdin')], size: -1, blockSize: MIB }
const changed = (at: number, ...bytes: number[]): Uint8Array => {
  const encoded = Uint8Array.from(encodeManifest(fileManifest(5)))
  encoded.set(bytes, at)
  return encoded
}
const encoded = (over: Partial<Manifest>): Uint8Array => encodeManifest({ ...folder, ...over })

describe('transfer/manifest-codec', () => {
  it('round-trips every kind', () => {
    for (const manifest of [
      folder,
      stream,
      fileManifest(0),
      fileManifest(2 ** 44, 16 * MIB),
      { ...stream, entries: [fileEntry(9)], size: 9 },
    ])
      expect(decodeManifest(encodeManifest(manifest))).to.deep.equal(manifest)
    expect(decodeManifest(encoded({ entries: [], size: 0 })).entries).to.deep.equal([])
  })

  it('has the layout that its comment says', () => {
    const bytes = encodeManifest({ ...fileManifest(5), name: 'n', entries: [fileEntry(5, 'p', { mode: 1, mtime: 2 })] })
    expect([...bytes]).to.deep.equal([1, 0, 0x80, 0x10, 0, 0, 6, 1, 0x6e, 1, 0, 1, 2, 5, 1, 0x70])
  })

  it('encodes equal manifests equally, and different ones differently', () => {
    expect(encodeManifest(structuredClone(folder))).to.deep.equal(encodeManifest(folder))
    const others = [
      { ...folder, name: 'x' },
      { ...folder, blockSize: 2 * MIB },
      { ...folder, entries: folder.entries.toReversed() },
    ]
    for (const other of others) expect(encodeManifest(other)).not.to.deep.equal(encodeManifest(folder))
  })

  it('refuses it when it is cut anywhere, or goes on', () => {
    const bytes = encodeManifest(folder)
    for (let end = 0; end < bytes.byteLength; end++)
      expectCode(() => decodeManifest(bytes.subarray(0, end)), 'MSG_ERR_PROTOCOL')
    expectCode(() => decodeManifest(Buffer.concat([bytes, Uint8Array.of(0)])), 'MSG_ERR_PROTOCOL')
  })

  it('refuses another version and kinds that there are not', () => {
    expectCode(() => decodeManifest(changed(0, 2)), 'MSG_ERR_VERSION')
    expectCode(() => decodeManifest(changed(1, 3)), 'MSG_ERR_PROTOCOL')
    expectCode(() => decodeManifest(changed(14, 2)), 'MSG_ERR_PROTOCOL')
  })

  it('refuses a number that is not spelt in its shortest form: one content has one name', () => {
    const bytes = Uint8Array.from(encodeManifest(fileManifest(5)))
    expectCode(() => decodeManifest(Buffer.concat([Uint8Array.of(0x40, 1), bytes.subarray(1)])), 'MSG_ERR_PROTOCOL')
  })

  it('refuses strange block sizes, and more blocks than there may be', () => {
    expectCode(() => decodeManifest(changed(2, 0x80, 0x10, 0, 1)), 'MSG_ERR_PROTOCOL')
    expectCode(() => encodeManifest(fileManifest(2 ** 44, 262_144)), 'MSG_ERR_LIMIT')
    const bytes = Uint8Array.from(encodeManifest(fileManifest(2 ** 44, 16 * MIB)))
    bytes.set([0x80, 0x04, 0, 0], 2)
    expectCode(() => decodeManifest(bytes), 'MSG_ERR_LIMIT')
  })

  it('refuses sizes that do not add up', () => {
    expectCode(() => decodeManifest(encoded({ size: 8 })), 'MSG_ERR_PROTOCOL')
    expectCode(() => decodeManifest(encodeManifest({ ...stream, entries: [fileEntry(1)] })), 'MSG_ERR_PROTOCOL')
    expectCode(
      () => decodeManifest(encodeManifest({ ...fileManifest(5), size: -1, entries: [fileEntry(0)] })),
      'MSG_ERR_PROTOCOL',
    )
    const lying = { ...folderEntry('b'), size: 7 }
    expectCode(() => decodeManifest(encoded({ entries: [lying] })), 'MSG_ERR_PROTOCOL')
  })

  it('refuses a file that is not exactly one file', () => {
    expectCode(() => decodeManifest(encoded({ kind: 'file' })), 'MSG_ERR_PROTOCOL')
    expectCode(() => decodeManifest(encoded({ kind: 'file', entries: [], size: 0 })), 'MSG_ERR_PROTOCOL')
    expectCode(
      () => decodeManifest(encoded({ kind: 'file', entries: [folderEntry('x')], size: 0 })),
      'MSG_ERR_PROTOCOL',
    )
  })

  it('refuses names that are empty, too long or not UTF-8', () => {
    expectCode(() => decodeManifest(encoded({ name: '' })), 'MSG_ERR_PROTOCOL')
    expectCode(() => encoded({ name: 'x'.repeat(MAX_NAME + 1) }), 'MSG_ERR_LIMIT')
    expectCode(() => encoded({ entries: [fileEntry(7, 'ä'.repeat(MAX_PATH / 2 + 1))] }), 'MSG_ERR_LIMIT')
    expect(decodeManifest(encoded({ entries: [fileEntry(7, 'ä'.repeat(MAX_PATH / 2))] })).entries).to.have.lengthOf(1)
    expectCode(() => decodeManifest(changed(8, 0xff)), 'MSG_ERR_PROTOCOL')
  })

  it('refuses modes and times that there are not', () => {
    expectCode(() => decodeManifest(encoded({ entries: [fileEntry(7, 'a', { mode: 0o1000 })] })), 'MSG_ERR_PROTOCOL')
    expectCode(
      () => decodeManifest(encoded({ entries: [fileEntry(7, 'a', { mtime: MAX_MTIME + 1 })] })),
      'MSG_ERR_PROTOCOL',
    )
  })

  it('believes no count that cannot be true', () => {
    const bytes = Uint8Array.of(1, 1, 0x80, 0x10, 0, 0, 1, 1, 0x6e, 0x80, 0x0f, 0x42, 0x40)
    expectCode(() => decodeManifest(bytes), 'MSG_ERR_PROTOCOL')
    bytes.set([0x80, 0x0f, 0x42, 0x41], 9)
    expectCode(() => decodeManifest(bytes), 'MSG_ERR_LIMIT')
  })

  it('takes a hundred thousand entries', () => {
    const entries = Array.from({ length: 100_000 }, (_, n) => fileEntry(n, `d/${n}`))
    const manifest: Manifest = { ...folder, entries, size: entries.reduce((sum, { size }) => sum + size, 0) }
    expect(decodeManifest(encodeManifest(manifest)).entries.at(-1)).to.deep.equal(entries.at(-1))
  })
})
