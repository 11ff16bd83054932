import { createHash, createPublicKey, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { MsgError } from '../errors.ts'
import { writeFileAtomically } from './files.ts'

/** A server's certificate and key, PEM, and the fingerprint clients pin. */
export interface ServerCertificate {
  readonly cert: string
  readonly key: string
  /** `SHA256:` and the unpadded base64 of the SHA-256 of the SubjectPublicKeyInfo. */
  readonly fingerprint: string
}

/**
 * The certificate in the given files, or the self-signed one of the data directory, which is made at first use.
 *
 * @throws MSG_ERR_CONFIG_INVALID when the files cannot be read, or hold no certificate and its key.
 */
export async function loadCertificate(
  dataDir: string,
  files?: { readonly cert: string; readonly key: string },
): Promise<ServerCertificate> {
  const paths = files ?? { cert: join(dataDir, 'server-cert.pem'), key: join(dataDir, 'server-key.pem') }
  try {
    return check(readFileSync(paths.cert, 'utf8'), readFileSync(paths.key, 'utf8'))
  } catch (cause) {
    // The certificate is written last: where there is one, a key that is missing was lost, and making another would change the fingerprint.
    if (files || existsSync(paths.cert)) {
      throw new MsgError('MSG_ERR_CONFIG_INVALID', {
        detail: `${paths.cert}, ${paths.key}: ${(cause as Error).message}`,
        cause,
      })
    }
  }
  // Not needed before or after this one start: 60 ms of import.
  const { generate } = await import('selfsigned')
  const made = await generate([{ name: 'commonName', value: 'msg' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notAfterDate: new Date(Date.now() + LIFETIME_MS),
  })
  writeFileAtomically(paths.key, made.private)
  writeFileAtomically(paths.cert, made.cert)
  return check(made.cert, made.private)
}

/** The SPKI-SHA256 fingerprint of a certificate's or key's DER-encoded SubjectPublicKeyInfo. */
export function spkiFingerprint(spki: Uint8Array): string {
  return `SHA256:${createHash('sha256').update(spki).digest('base64').replace(/=+$/, '')}`
}

function check(cert: string, key: string): ServerCertificate {
  const spki = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })
  if (!createPublicKey(key).export({ type: 'spki', format: 'der' }).equals(spki))
    throw new Error('the key belongs to another certificate')
  return { cert, key, fingerprint: spkiFingerprint(spki) }
}

/** Clients pin the key, so the date says little: twenty years, in milliseconds. */
const LIFETIME_MS = 20 * 365 * 86_400_000
