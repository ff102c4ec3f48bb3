-- One script for every case and server. wrk gives each of its threads a Lua state of its own,
-- so the thread's number is handed over to keep names and random ids apart.
local case = os.getenv("BENCH_CASE")
local seed = tonumber(os.getenv("BENCH_SEED"))
local artists = tonumber(os.getenv("BENCH_ARTISTS"))
local pages = tonumber(os.getenv("BENCH_PAGES"))
local authorization = os.getenv("BENCH_AUTHORIZATION")

local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init(_)
  math.randomseed(seed * 64 + number)
  if authorization then wrk.headers["Authorization"] = authorization end
  if case == "create" then wrk.headers["Content-Type"] = "application/json" end
end

local made = 0
function request()
  if case == "read" then return wrk.format("GET", "/v1/artists/" .. math.random(artists)) end
  if case == "page" then return wrk.format("GET", "/v1/songs?page=" .. math.random(pages) .. "&page_size=20") end
  made = made + 1
  return wrk.format("POST", "/v1/artists", nil, string.format('{"name":"bench %d %d %d"}', seed, number, made))
end

function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format(
    'BENCH {"requests":%d,"micros":%d,"bytes":%d,"p50_us":%d,"p99_us":%d,"max_us":%d,' ..
      '"connect":%d,"read":%d,"write":%d,"timeout":%d,"status":%d}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99), latency.max,
    errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
