// What a lease can hold, and how each is undone.
import type { Proxies } from '../proxies.ts'
import type { TcpProxy } from '../proxy.ts'
import type { ToxicEntry } from '../toxic-entry.ts'

export interface Held {
  /** In the log. */
  what: string
  /** In the API. */
  shown: object
  /** Set where `enabled` was switched. */
  switched?: { proxy: TcpProxy; wasEnabled: boolean }
  /** Nobody has removed, replaced or switched it since. */
  isStill(): boolean
  /** Undoes it, where it is still there to be undone; says whether it was. */
  undo(): Promise<boolean>
}

/** A toxic that was added: it goes at once, and waits for nobody. */
export function heldToxic(proxies: Proxies, proxy: TcpProxy, toxic: ToxicEntry): Held {
  const isStill = () => proxies.has(proxy) && proxy.toxics().includes(toxic)
  return {
    what: `toxic ${toxic.name} of proxy ${proxy.name}`,
    shown: { kind: 'toxic', proxy: proxy.name, toxic: toxic.name },
    isStill,
    undo: ifStill(isStill, () => proxy.removeToxic(toxic.name)),
  }
}

/** A proxy that was created: it is deleted. */
export function heldProxy(proxies: Proxies, proxy: TcpProxy): Held {
  const isStill = () => proxies.has(proxy)
  return {
    what: `proxy ${proxy.name}`,
    shown: { kind: 'proxy', proxy: proxy.name },
    isStill,
    undo: () =>
      proxies.inTurn(
        proxy.name,
        ifStill(isStill, () => proxies.remove(proxy)),
      ),
  }
}

/** An `enabled` that has just been switched: it is put back. */
export function heldSwitch(proxies: Proxies, proxy: TcpProxy, wasEnabled: boolean): Held {
  const { starts } = proxy
  // Off again after an on, or on again after an off, takes a start: it was somebody else's.
  const isStill = () => proxies.has(proxy) && proxy.isEnabled !== wasEnabled && proxy.starts === starts
  return {
    what: `"enabled":${!wasEnabled} of proxy ${proxy.name}`,
    shown: { kind: 'enabled', proxy: proxy.name, was: wasEnabled },
    switched: { proxy, wasEnabled },
    isStill,
    undo: () =>
      proxies.inTurn(
        proxy.name,
        ifStill(isStill, () => (wasEnabled ? proxy.start() : proxy.stop())),
      ),
  }
}

function ifStill(isStill: () => boolean, act: () => unknown): () => Promise<boolean> {
  return async () => {
    if (!isStill()) return false
    await act()
    return true
  }
}
