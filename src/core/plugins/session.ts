/** One signed-in connection, as the server half sees it. The same while its client reconnects. */
export interface Session {
  readonly id: string
  /** As it was registered. */
  readonly user: string
  /** Its client has this plugin, in the same version. */
  readonly hasPlugin: boolean
  /** False for one-shot commands, which others do not see. */
  readonly listening: boolean
  /** Others saw the user as active when this was asked for. Whoever turned invisible must not be given away: not by a name, a number or a moment. */
  readonly isVisible: boolean
}
