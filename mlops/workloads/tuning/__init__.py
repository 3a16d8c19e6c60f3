"""The search for a model's values.

Lives here: the stage `tune`: trials, how the next is chosen, the ledger.
Not here: training the model that is shipped (training), the space (config.schema.tuning).
Law: trials see the train and the validation split, never the test split; one worker and a seed give the same trials in every run.
"""
