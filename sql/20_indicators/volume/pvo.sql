-- pvo: Percentage Volume Oscillator: PPO of the volume.
-- parameters: fast = 12, slow = 26, matype = 1
-- NULL where the slow average is zero (TA-Lib gives 0).
select ppo(volume, fast, slow, matype) as pvo
