declare module 'noise-handshake' {
  interface KeyPair {
    publicKey: Uint8Array
    secretKey: Uint8Array
  }
  /** Noise handshake state; `rx`, `tx` and `hash` are set once `complete`. */
  export default class NoiseState {
    constructor(pattern: 'IK' | 'XX' | 'XK' | 'NN', initiator: boolean, staticKeyPair: KeyPair)
    e: KeyPair | null
    readonly rs: Uint8Array | null
    readonly complete: boolean
    readonly rx: Uint8Array
    readonly tx: Uint8Array
    readonly hash: Uint8Array
    initialise(prologue: Uint8Array, remoteStatic?: Uint8Array): void
    send(payload?: Uint8Array): Uint8Array
    recv(message: Uint8Array): Uint8Array
  }
}
