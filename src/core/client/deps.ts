import type { dialControl } from '../io/control-channel.ts'
import type { DeviceKey } from '../crypto/device-key.ts'
import type { Congestion } from '../transport/congestion/controllers.ts'
import type { MapPort } from './mapped-port.ts'
import type { LinkEndpoint } from '../transport/endpoint-api.ts'

/** What a client needs of the world; tests give fakes. */
export interface ClientDeps {
  readonly dial: typeof dialControl
  /** Opens a UDP endpoint for this device and instance. */
  readonly bind: (
    key: DeviceKey,
    instance: string,
    options: { readonly congestion?: Congestion },
  ) => Promise<LinkEndpoint>
  /** Opens a port of the router, when asked to. */
  readonly mapPort: MapPort
  /** Uniform in [0, 1). */
  readonly random: () => number
  /** Environment variables. */
  readonly env: NodeJS.ProcessEnv
}
