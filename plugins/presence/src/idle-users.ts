/** Who is away: at none of their clients has anybody typed for a while. A client that does not tell counts as one where somebody is. */
export class IdleUsers {
  /** By user: their connections, each with since when it is idle, milliseconds. */
  readonly #users = new Map<string, Map<string, number | undefined>>()

  /** A connection is there; one that is back keeps what it was. @returns what {@link handleIdle} does */
  handleOpen(id: string, user: string): boolean {
    return this.#change(user, (connections) => {
      if (!connections.has(id)) connections.set(id, undefined)
    })
  }

  handleClosed(id: string, user: string): boolean {
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
