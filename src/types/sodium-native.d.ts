/** The part of sodium-native that msg calls. Buffers are caller-allocated; every function throws on bad lengths. */
declare module 'sodium-native' {
  const sodium: {
    crypto_aead_chacha20poly1305_ietf_encrypt(
      c: Uint8Array,
      m: Uint8Array,
      ad: Uint8Array | null,
      nsec: null,
      npub: Uint8Array,
      k: Uint8Array,
    ): number
    crypto_aead_chacha20poly1305_ietf_decrypt(
      m: Uint8Array,
      nsec: null,
      c: Uint8Array,
      ad: Uint8Array | null,
      npub: Uint8Array,
      k: Uint8Array,
    ): number
    crypto_generichash(out: Uint8Array, input: Uint8Array, key?: Uint8Array): void
    crypto_sign_seed_keypair(pk: Uint8Array, sk: Uint8Array, seed: Uint8Array): void
    crypto_sign_detached(sig: Uint8Array, m: Uint8Array, sk: Uint8Array): void
    crypto_sign_verify_detached(sig: Uint8Array, m: Uint8Array, pk: Uint8Array): boolean
    crypto_sign_ed25519_pk_to_curve25519(x25519: Uint8Array, ed25519: Uint8Array): void
    crypto_sign_ed25519_sk_to_curve25519(x25519: Uint8Array, ed25519: Uint8Array): void
    crypto_scalarmult_base(q: Uint8Array, n: Uint8Array): void
    crypto_scalarmult(q: Uint8Array, n: Uint8Array, p: Uint8Array): void
    crypto_pwhash_str_async(out: Uint8Array, password: Uint8Array, opslimit: number, memlimit: number): Promise<void>
    crypto_pwhash_str_verify_async(str: Uint8Array, password: Uint8Array): Promise<boolean>
    crypto_pwhash_STRBYTES: number
    crypto_pwhash_OPSLIMIT_INTERACTIVE: number
    crypto_pwhash_MEMLIMIT_INTERACTIVE: number
    sodium_memzero(b: Uint8Array): void
  }
  export default sodium
}
