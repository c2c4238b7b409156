// A child that dies before it is ready.
process.stderr.write('the disk is on fire\n')
process.exitCode = 3
