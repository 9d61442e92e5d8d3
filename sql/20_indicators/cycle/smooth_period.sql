-- smooth_period: the dominant cycle's period, smoothed, from bar start on. John Ehlers, 2001.
-- parameters: x = close, start = 12
select recurrence(hilbert(x, start).period, 0.33, 0.67, 1, 0.33) as smooth_period
