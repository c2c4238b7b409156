// fast-gateway as its README has it.
import gateway from 'fast-gateway'
import { listenOn } from '../child.ts'

listenOn(gateway({ routes: [{ prefix: '/proxy', target: process.env.UPSTREAM_URL }] }).getServer())
