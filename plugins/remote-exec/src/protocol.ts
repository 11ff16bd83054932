import { defineProtocol } from 'msg-cli/plugin'

/** Both halves of a conversation are clients: nothing goes through the server. */
export const protocol = defineProtocol({ id: 'remote-exec', version: 1, messages: {} })
