-- wrk's side of load.ts: where a prefix is given, every request asks for a path of its own; the figures as JSON.
local prefix = nil
local count = 0

function init(args)
  prefix = args[1]
  if prefix == nil then
    local only = wrk.format()
    request = function() return only end
  end
end

function request()
  count = count + 1
  return wrk.format(nil, prefix .. count)
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"p50Ms":%.4f,"p99Ms":%.4f,"statuses":%d,"errors":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
