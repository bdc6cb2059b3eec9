"""The SQL views of the arms of an A/B test, each compared with the status quo of its own batch."""

# A report at a look holds means since the batch began. An arm that was stopped is compared at its last look.
# A difference is no share of a status quo at 0 or below: the share would have no value, or the wrong sign.
ARMS = """
    create view arms as
    with results as (
        select trial, cast(null as bigint) as step, unnest(metrics) as m from outcomes where kind = 'trial_observed'
    ), reports as (
        select trial, step, unnest(metrics) as m
        from (from events where kind = 'measurement_reported'
              qualify row_number() over (partition by trial, step order by attempt desc, segment, position) = 1)
    ), measured as (
        from results union all from reports
    ), newest as (
        from results union all
        (from reports where trial not in (select trial from results)
         qualify rank() over (partition by trial order by step desc) = 1)
    )
    select p.batch, a.trial, p.generator, p.weight, a.trial = p.batch as status_quo, a.step as look,
        a.m.name as metric, a.m.mean, a.m.sem, a.m.n,
        case when not status_quo then a.m.mean - b.m.mean end as difference,
        case when not status_quo then sqrt(a.m.sem ** 2 + b.m.sem ** 2) end as difference_sem,
        case when not status_quo and b.m.mean > 0 and isfinite(a.m.mean / b.m.mean)
            then a.m.mean / b.m.mean - 1 end as relative
    from newest a join proposals p using (trial)
    left join measured b on b.trial = p.batch and b.m.name = a.m.name and b.step is not distinct from a.step
    where p.weight is not null and p.batch is not null
    order by a.trial, a.m.name
"""
# The results of the status quo of each batch that has some.
STATUS_QUOS = """
    create view status_quos as
    select p.batch, o.metrics from asked p join outcomes o using (trial)
    where p.trial = p.batch and p.generator = 'baseline' and o.kind = 'trial_observed' and len(o.metrics) > 0
"""
