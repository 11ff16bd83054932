import type { AckSample, LossSample } from '../../src/core/transport/congestion/controller.ts'
import type { RateSample } from '../../src/core/transport/recovery/delivery-rate.ts'

/** A rate sample that says nothing, but for what is given. */
export const rateSample = (changes: Partial<RateSample> = {}): RateSample => ({
  rate: 0,
  isAppLimited: false,
  delivered: 0,
  priorDelivered: 0,
  deliveredSince: 0,
  lostSince: 0,
  ...changes,
})

/** An acknowledgement with the window full, no RTT sample and no rate, but for what is given. */
export const ackSample = (
  sample: Pick<AckSample, 'now' | 'sentAt' | 'bytes' | 'smoothedRtt' | 'appLimited'> & Partial<AckSample>,
): AckSample => ({
  priorInFlight: 1_000_000,
  inFlight: 1_000_000 - sample.bytes,
  rtt: undefined,
  rate: rateSample(),
  ...sample,
})

/** A loss of one packet in a full window, but for what is given. */
export const lossSample = (
  sample: Pick<LossSample, 'now' | 'sentAt' | 'bytes' | 'persistent'> & Partial<LossSample>,
): LossSample => ({
  sentInFlight: 1_000_000,
  deliveredSince: 0,
  lostSince: sample.bytes,
  appLimited: false,
  ...sample,
})
