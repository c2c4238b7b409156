// Imported before anything else, for a flag that counts from the first object on.
import { setFlagsFromString } from 'node:v8'

// Thousands of idle connections must not keep a young generation that only their beginning needed.
setFlagsFromString('--semi-space-growth-factor=1')
