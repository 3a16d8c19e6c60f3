"""Hand plans over for review.

Lives here: the journal of what was handed over (journal), and the process that delivers one (deliver).
Not here: finding out what there is to hand over (api.watch).
Law: an occasion is handed over once, whenever the process that noticed it is killed.
"""
