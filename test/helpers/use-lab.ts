import { execFileSync } from 'node:child_process'
import { canMakeNamespaces } from './lan.ts'
import { Lab, type Homes } from './nat-lab.ts'

/** Something that ends with the test. */
interface Closable {
  close(): unknown
}

/**
 * A laboratory for each test of the calling `describe`, gone after it. Without the privilege its tests are skipped with a message; with
 * `CI=true` it is required.
 */
export function useLab(): {
  /** Makes the test's laboratory. */
  readonly create: ((homes: Homes) => Lab) & { readonly lab: Lab }
  /** Closes `it` after the test, before the laboratory. */
  readonly keep: <T extends Closable>(it: T) => T
} {
  let lab: Lab | undefined
  const kept: Closable[] = []
  before(function () {
    const lacking = canMakeNamespaces()
      ? hasNftables()
        ? undefined
        : 'nftables'
      : 'the privilege to make network namespaces'
    if (lacking === undefined) return
    if (process.env['CI']) throw new Error(`${lacking} is required here`)
    console.log(`      skipped: without ${lacking}`)
    this.skip()
  })
  afterEach(async () => {
    try {
      await Promise.all(kept.splice(0).map((each) => each.close()))
    } finally {
      lab?.close()
      lab = undefined
    }
  })
  const create = (homes: Homes): Lab => (lab = Lab.create(homes))
  Object.defineProperty(create, 'lab', {
    get: () => {
      if (!lab) throw new Error('this test has no laboratory yet')
      return lab
    },
  })
  return {
    create: create as typeof create & { readonly lab: Lab },
    keep: (it) => {
      kept.push(it)
      return it
    },
  }
}

function hasNftables(): boolean {
  try {
    execFileSync('nft', ['--version'], { stdio: 'pipe' })
    return true
  } catch {
    return false
  }
}
