/** A promise with its resolver, for moments a test waits for. */
export class Deferred<T> {
  readonly promise: Promise<T>
  resolve!: (value: T) => void

  constructor() {
    this.promise = new Promise((resolve) => (this.resolve = resolve))
  }
}
