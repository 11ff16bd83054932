import { createHash } from 'node:crypto'

/**
 * The one hash function of transfers: of blocks, of manifests, and of whole contents.
 *
 * ```
 * block hash     H(bytes of the block)
 * manifest hash  H(0x00 ‖ encoded manifest)
 * root           H(0x01 ‖ encoded manifest ‖ block hashes in order)     names the content: equal root, equal content
 * ```
 *
 * @packageDocumentation
 */

/** H, as node:crypto calls it. */
export const HASH_NAME = 'sha256'
/** Length of every hash, bytes. */
export const HASH_SIZE = 32

/** Hash of one block. */
export function blockHash(bytes: Uint8Array): Buffer {
  return createHash(HASH_NAME).update(bytes).digest()
}

/** Hash of a manifest as `encodeManifest` wrote it. */
export function manifestHash(encoded: Uint8Array): Buffer {
  return createHash(HASH_NAME).update(MANIFEST_DOMAIN).update(encoded).digest()
}

/**
 * The name of a content.
 *
 * @param encoded - its manifest as `encodeManifest` wrote it.
 * @param hashes - of all its blocks, back to back in their order: 32 bytes each.
 */
export function rootHash(encoded: Uint8Array, hashes: Uint8Array): Buffer {
  return createHash(HASH_NAME).update(ROOT_DOMAIN).update(encoded).update(hashes).digest()
}

/** True when two hashes are equal; false when one of them is not of a hash's length. */
export function equalHashes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === HASH_SIZE && b.byteLength === HASH_SIZE && Buffer.compare(a, b) === 0
}

const MANIFEST_DOMAIN = Uint8Array.of(0x00)
const ROOT_DOMAIN = Uint8Array.of(0x01)
