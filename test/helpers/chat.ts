import { FrameDecoder } from '../../src/core/chat/frame-decoder.ts'
import type { ChatFrame, ChatMessage } from '../../src/core/chat/frames.ts'
import type { OutboxRow } from '../../src/core/chat/outbox.ts'
import { conversationKey, type Conversation } from '../../src/core/chat/conversation.ts'

/** A message whose id is `n`, so that tests can say which is which. */
export function chatMessage(n: number, over: Partial<ChatMessage> = {}): ChatMessage {
  return {
    id: n.toString(16).padStart(32, '0'),
    conversation: { kind: 'session', user: 'bob' },
    seq: n,
    at: 1_700_000_000_000 + n,
    text: `text ${n}`,
    ...over,
  }
}

/** A row of message `n` to `recipient`. */
export function outboxRow(
  n: number,
  recipient = 'bob',
  conversation: Conversation = { kind: 'session', user: recipient },
  isCopy = false,
): OutboxRow {
  const message = chatMessage(n, { conversation })
  return {
    message,
    key: conversationKey(conversation),
    recipient,
    size: Buffer.byteLength(message.text),
    isCopy,
    slot: 1,
    startedAt: 0,
  }
}

/** Every frame in `bytes`, given to the decoder in chunks of `chunk` bytes. */
export function decodeAll(bytes: Uint8Array, chunk = bytes.byteLength, decoder = new FrameDecoder()): ChatFrame[] {
  const frames: ChatFrame[] = []
  for (let offset = 0; offset < bytes.byteLength; offset += chunk) {
    // A copy that is wiped afterwards: the decoder must not keep views.
    const view = Uint8Array.prototype.slice.call(bytes, offset, offset + chunk)
    decoder.handleBytes(view)
    for (let frame = decoder.pollFrame(); frame; frame = decoder.pollFrame()) frames.push(frame)
    view.fill(0xee)
  }
  return frames
}
