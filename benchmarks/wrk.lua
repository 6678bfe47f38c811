-- Posts the lines of a file in turn, for benchmarks/load.py: wrk … URL -- FILE SECONDS CONNECTIONS, by one thread.
--
-- Every request is built before the load begins, so that the client takes little of the processor. After SECONDS no request is
-- sent any more, but those under way are waited for and counted; wrk alone would leave them, which are many for a slow server.

local ffi = require("ffi")
ffi.cdef [[
   struct moment { long seconds, nanoseconds; };
   int clock_gettime(int clock, struct moment *result);
   int getpid(void);
   int kill(int process, int signal);
]]
local MONOTONIC, INTERRUPT, FOREVER_MS = 1, 2, 3600000
local thread
local requests, sent, began, limit, open = {}, 0, nil, 0, 0
elapsed = 0 -- until the last answer, 0 while any is due; global, so that `done` can read it from the thread

local moment = ffi.new("struct moment")
local function now()
   ffi.C.clock_gettime(MONOTONIC, moment)
   return tonumber(moment.seconds) + tonumber(moment.nanoseconds) / 1e9
end

function setup(one)
   thread = one
end

function init(arguments)
   for body in io.lines(arguments[1]) do
      requests[#requests + 1] = wrk.format("POST", nil, nil, body)
   end
   limit, open = tonumber(arguments[2]), tonumber(arguments[3])
end

function request()
   sent = sent % #requests + 1
   return requests[sent]
end

-- wrk calls this on each connection that could send its next request, and waits for as many milliseconds.
function delay()
   began = began or now()
   if now() - began < limit then
      return 0
   end
   open = open - 1
   if open == 0 then
      elapsed = now() - began
      ffi.C.kill(ffi.C.getpid(), INTERRUPT) -- all have their answers: wrk ends as by Ctrl-C, and calls `done`
   end
   return FOREVER_MS
end

function done(summary, latency)
   local errors = summary.errors
   print(string.format(
      'RESULT {"requests": %d, "seconds": %.6f, "p50": %.6f, "p95": %.6f, "p99": %.6f, "bad_status": %d, "broken": %d}',
      summary.requests, thread:get("elapsed"),
      latency:percentile(50) / 1e6, latency:percentile(95) / 1e6, latency:percentile(99) / 1e6,
      errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
