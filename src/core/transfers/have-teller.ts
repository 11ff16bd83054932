import { BlockSet } from '../transfer/block-set.ts'
import { splitRanges } from '../transfer/frame-writer.ts'
import type { FilesLink } from './files-link.ts'

/** Tells other members of a room which blocks of a download can be had here: everything at first, then what has come since, now and then. */
export class HaveTeller {
  readonly #id: string
  readonly #had: () => BlockSet | undefined
  readonly #readers = new Set<FilesLink>()
  #fresh = new BlockSet()
  #timer: NodeJS.Timeout | undefined

  /** @param id - of the transfer. @param had - what is there now. */
  constructor(id: string, had: () => BlockSet | undefined) {
    this.#id = id
    this.#had = had
  }

  /** Somebody else downloads it, too. */
  addReader(files: FilesLink): void {
    this.#readers.add(files)
    const had = this.#had()
    if (had) this.#tell([files], had)
  }

  removeReader(files: FilesLink): void {
    this.#readers.delete(files)
  }

  /** What was there before anybody could be told. */
  tellAll(): void {
    const had = this.#had()
    if (had) this.#tell(this.#readers, had)
  }

  handleBlock(index: number): void {
    if (this.#readers.size === 0) return
    this.#fresh.add(index)
    this.#timer ??= setTimeout(() => this.#flush(), GAP_MS).unref()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#readers.clear()
  }

  #flush(): void {
    this.#timer = undefined
    const fresh = this.#fresh
    this.#fresh = new BlockSet()
    this.#tell(this.#readers, fresh)
  }

  #tell(readers: Iterable<FilesLink>, blocks: BlockSet): void {
    const lists = splitRanges([...blocks.ranges()])
    for (const files of readers) for (const ranges of lists) files.send({ type: 'have', id: this.#id, ranges })
  }
}

/** How often others are told: soon enough that nobody waits for a block that is here. */
const GAP_MS = 250
