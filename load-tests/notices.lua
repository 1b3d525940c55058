-- For wrk: notices from a file of paths, one a line, each thread its own share, each path once.
-- wrk ... -s load-tests/notices.lua http://HOST:PORT -- FILE THREADS
-- With NOTICE_PAUSE_MS each connection waits so long between an answer and its next notice.

local threads = 0

local pause = tonumber(os.getenv("NOTICE_PAUSE_MS") or "")
if pause then
  function delay()
    return pause
  end
end

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init(args)
  paths, at, refused = {}, 0, 0
  local line_number, count = 0, tonumber(args[2])
  for line in io.lines(args[1]) do
    if line_number % count == number then
      paths[#paths + 1] = wrk.format("GET", line)
    end
    line_number = line_number + 1
  end
end

function request()
  at = at + 1
  return paths[(at - 1) % #paths + 1]
end

function response(status)
  if status ~= 204 then
    refused = refused + 1
  end
end
