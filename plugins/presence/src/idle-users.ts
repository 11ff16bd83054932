/** Who is away: at none of their clients has anybody typed for a while. A client that does not tell counts as one where somebody is. */
export class IdleUsers {
  /** By user: their connections, each with since when it is idle, milliseconds. */
  readonly #users = new Map<string, Map<string, number | undefined>>()
  /** Idle connections that broke a moment ago, the oldest first. */
  readonly #broken = new Map<string, { readonly since: number; readonly until: number }>()

  /** A connection is there; one that is back is what it was. @param now - milliseconds. @returns what {@link handleIdle} does */
  handleOpen(now: number, id: string, user: string): boolean {
    const broken = this.#broken.get(id)
    this.#broken.delete(id)
    const since = broken && broken.until > now ? broken.since : undefined
    return this.#change(user, (connections) => {
      if (!connections.has(id)) connections.set(id, since)
    })
  }

  handleClosed(now: number, id: string, user: string): boolean {
    const since = this.#users.get(user)?.get(id)
    for (const [other, { until }] of this.#broken) {
      if (until > now) break
      this.#broken.delete(other)
    }
    if (since !== undefined) this.#broken.set(id, { since, until: now + KEPT_MS })
    return this.#change(user, (connections) => connections.delete(id))
  }

  /** @param since - milliseconds; `undefined`: somebody is there. @returns true when the user is away now and was not, or the other way round */
  handleIdle(id: string, user: string, since: number | undefined): boolean {
    return this.#change(user, (connections) => {
      if (connections.has(id)) connections.set(id, since)
    })
  }

  /** Since when somebody is away, milliseconds; `undefined` when they are not. */
  since(user: string): number | undefined {
    const connections = this.#users.get(user)
    if (!connections || connections.size === 0) return undefined
    let latest = -Infinity
    for (const since of connections.values()) {
      if (since === undefined) return undefined
      latest = Math.max(latest, since)
    }
    return latest
  }

  #change(user: string, act: (connections: Map<string, number | undefined>) => void): boolean {
    const wasAway = this.since(user) !== undefined
    const connections = this.#users.get(user) ?? new Map<string, number | undefined>()
    act(connections)
    if (connections.size === 0) this.#users.delete(user)
    else this.#users.set(user, connections)
    return wasAway !== (this.since(user) !== undefined)
  }
}

/** How long a connection that broke is remembered, milliseconds. */
const KEPT_MS = 60_000
