// A child that says it is ready, echoes messages or tells its environment, and ends when asked or abandoned.
process.on('message', message => process.send?.(message === 'environment' ? { ...process.env } : message))
process.on('disconnect', () => process.exit(0))
process.on('SIGTERM', () => process.exit(0))
process.stdout.write('plain child speaking\n')
process.send?.({ ready: true, ports: { http: 4242 } })
