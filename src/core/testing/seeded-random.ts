/** A seeded generator, uniform in [0, 1): the same seed, the same run (mulberry32, public domain). */
export function seededRandom(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** Seeded bytes, for machines that ask for randomness. */
export function seededBytes(random: () => number): (length: number) => Uint8Array {
  return (length) => Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)))
}
