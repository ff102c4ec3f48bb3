-- The load on a proxy: small reads, and for a soak some uploads and large answers among them.
local authorization = os.getenv("BENCH_AUTHORIZATION")
local posts = tonumber(os.getenv("BENCH_POSTS") or "0")
local large = tonumber(os.getenv("BENCH_LARGE") or "0")
local pause = tonumber(os.getenv("BENCH_DELAY") or "0")
local body = string.rep("0123456789abcdef", 1024)

function init(_)
  if authorization then wrk.headers["Authorization"] = authorization end
end

-- wrk waits this many milliseconds before the next request of a connection.
if pause > 0 then
  function delay() return math.floor(pause + math.random()) end
end

if posts + large > 0 then
  function request()
    local at = math.random()
    if at < posts then return wrk.format("POST", "/item", nil, body) end
    if at < posts + large then return wrk.format("GET", "/large") end
    return wrk.format("GET", "/item/" .. math.random(500))
  end
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    'BENCH {"requests":%d,"micros":%d,"p50_us":%d,"p99_us":%d,"max_us":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
